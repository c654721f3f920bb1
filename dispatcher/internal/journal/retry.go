package journal

import (
	"time"
)

// RetryEvery is how long to wait before asking JetStream again while it starts.
const RetryEvery = 250 * time.Millisecond
