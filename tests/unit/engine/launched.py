"""Script for paddle.distributed.launch, which takes a file and no module."""

from tests.unit.engine.support import main

raise SystemExit(main())
