"""Programs of the registry `tests/programs.py` on accelerators: compiled for devices that are not there, run on a GPU.

python -m tools.accelerators compile --target v5p    # compiles, and stores the result; `make accelerators`
python -m tools.accelerators table                   # writes the table of the stored result into the guide
python -m tools.accelerators gpu                     # compares a GPU with the CPU; `make gpu`
"""
