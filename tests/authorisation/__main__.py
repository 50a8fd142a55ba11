"""Write the matrix anew from what is seen. Read the difference before committing it."""

import os
import sys

import pytest

if __name__ == "__main__":
    os.environ["MATRIX"] = "write"
    sys.exit(pytest.main(["-n", "0", "-p", "no:randomly", "tests/authorisation/test_matrix.py", "-k", "a_role_sees"]))
