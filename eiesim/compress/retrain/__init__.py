"""Deep Compression with retraining, of one's own `torch.nn.Module`: prune, share, fine-tune.

The one part of eiesim that needs PyTorch (the extra ``train``). Linear, Conv2d, LSTM and GRU layers
are compressed, everything else stays as it is.
"""

from eiesim.compress.retrain.compressible import export, restore_
from eiesim.compress.retrain.loop import finetune_codebook, train
from eiesim.compress.retrain.masking import masked
from eiesim.compress.retrain.pruning import prune_
from eiesim.compress.retrain.sharing import share_weights

__all__ = [
    "export",
    "finetune_codebook",
    "masked",
    "prune_",
    "restore_",
    "share_weights",
    "train",
]
