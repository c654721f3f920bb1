// Package bench measures a deployment that runs, for "ha bench": it submits tasks
// of a kind of its own to workers of its own, and says how long they took.
package bench
