"""The doctor's judgement: facts of both machines to findings. Pure; `examine.examine` is the way in."""
