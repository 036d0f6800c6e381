"""EIE in SystemVerilog; `silicon` is the check of its gates, see README.md."""
