"""Times the steps of a program. Runs on TensorFlow 1.15 with Python 3.7, and on today's TensorFlow."""

import json
import os
import resource
import time


class Clock:
    """Prints a line of JSON after the last step.

    The line has the steps/s, the processor seconds of 100 steps, the peak memory and the seconds to the first step.
    The environment variable STARTED has the time of the process's start.
    """

    def __init__(self, warm_up, steps):
        self._warm_up = warm_up
        self._steps = steps
        self._count = 0

    def step(self):
        """Call it after each step; returns True after the last one."""
        self._count += 1
        if self._count == 1:
            self._to_first_step = time.time() - float(os.environ["STARTED"])
        if self._count == self._warm_up:
            self._began = time.time()
            self._processor = time.process_time()
        if self._count == self._warm_up + self._steps:
            seconds = time.time() - self._began
            result = {
                "steps_per_second": self._steps / seconds,
                "processor_seconds": (time.process_time() - self._processor) / self._steps * 100,
                "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6,
                "start_seconds": self._to_first_step,
            }
            print(json.dumps(result))
        return self._count >= self._warm_up + self._steps
