"""The box's side. `gate.py` and `keeper.py` run on the box as they are: standard library only, no import of ours."""
