"""Deep Compression's Tables 2, 3 and 5: LeNet-300-100, LeNet-5 and VGG-16 layer by layer."""

from __future__ import annotations

from functools import partial

from eiesim.paper.experiment import Experiment
from eiesim.paper.parts.ledger_tables import judge_network
from eiesim.paper.parts.ledgers import WORK

TABLE_2 = Experiment(WORK, partial(judge_network, name="LeNet-300-100"))
TABLE_3 = Experiment(WORK, partial(judge_network, name="LeNet-5"))
TABLE_5 = Experiment(WORK, partial(judge_network, name="VGG-16"))
