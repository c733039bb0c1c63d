"""Run in a process of its own: one JSON line about torch's devices, in the tool's progress
format.
"""

import json
import sys


def describe() -> dict:
    import torch

    gpus = []
    for index in range(torch.cuda.device_count() if torch.cuda.is_available() else 0):
        free, total = torch.cuda.mem_get_info(index)
        gpus.append(
            {
                "name": torch.cuda.get_device_name(index),
                "free": free / 2**30,
                "total": total / 2**30,
            }
        )
    return {
        "done": True,
        "version": torch.__version__,
        "threads": torch.get_num_threads(),
        "gpus": gpus,
    }


if __name__ == "__main__":
    sys.stdout.write(json.dumps(describe()) + "\n")
