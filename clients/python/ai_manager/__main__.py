"""`python -m ai_manager` is the command `ai-manager`."""

import sys

from ai_manager._cli import main

sys.exit(main())
