"""What makes tending look before its second is over."""

from dataclasses import replace

import pytest

from domain.batches.facts import BatchJobProgressed
from tests.support.batch_yard import BatchYard
