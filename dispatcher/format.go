package dispatcher

import "github.com/seed261fe303/ha/dispatcher/internal/format"

// OldestFormat and NewestFormat are the formats of the journal that this version reads and
// writes. A group of dispatchers writes the format that it has until [Dispatcher] is asked
// for the newest, by "ha cluster upgrade" or the request ha.cluster.upgrade.
const (
	OldestFormat = format.Oldest
	NewestFormat = format.Newest
)
