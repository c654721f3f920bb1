package tasks

import (
	"maps"
	"slices"
)

// key is one concurrency key.
type key struct {
	name string
	// limit of its own; 0: that of all keys counts.
	limit    int
	tasks    int // that name it and have not ended
	admitted int // of them, those running or in the queue of their class
	waiting  lanes
	// queued are those in the queue of their class, in no order. Each knows its place.
	queued []*task
}

// enqueued takes note that t, which k has let in, is in the queue of its class.
func (k *key) enqueued(t *task) {
	k.queued = append(k.queued, t)
	t.extras.queuedAt = len(k.queued)
}

// dequeued undoes enqueued, if t is there.
func (k *key) dequeued(t *task) {
	i := t.extras.queuedAt - 1
	if i < 0 {
		return
	}
	last := len(k.queued) - 1
	k.queued[i] = k.queued[last]
	k.queued[i].extras.queuedAt = i + 1
	k.queued[last] = nil
	k.queued = k.queued[:last]
	t.extras.queuedAt = 0
}

// keys is the concurrency keys that there are.
type keys struct {
	aging  int64
	limit  int // of each key that has none of its own; 0: none
	byName map[string]*key
	limits map[string]*key // those that have a limit of their own
	// admitted is told of each class whose queue got a task that a key has let in.
	admitted func(*class)
}

func newKeys(aging int64) keys {
	return keys{aging: aging, byName: map[string]*key{}, limits: map[string]*key{}}
}

// of returns the concurrency key of that name. It makes one if there is none.
func (ks *keys) of(name string) *key {
	k := ks.byName[name]
	if k == nil {
		k = &key{name: name}
		ks.byName[name] = k
	}
	return k
}

// forget lets go of a key that says nothing any more.
func (ks *keys) forget(k *key) {
	if k.tasks == 0 && k.limit == 0 {
		delete(ks.byName, k.name)
	}
}

// inOrder returns the keys in the order of their names.
func (ks *keys) inOrder() []*key {
	list := make([]*key, 0, len(ks.byName))
	for _, name := range slices.Sorted(maps.Keys(ks.byName)) {
		list = append(list, ks.byName[name])
	}
	return list
}

// limited returns the keys that have a limit of their own, in the order of their names.
func (ks *keys) limited() []*key {
	list := make([]*key, 0, len(ks.limits))
	for _, name := range slices.Sorted(maps.Keys(ks.limits)) {
		list = append(list, ks.limits[name])
	}
	return list
}

// setLimit gives k a limit of its own; 0: it has none.
func (ks *keys) setLimit(k *key, limit int) {
	k.limit = limit
	if limit > 0 {
		ks.limits[k.name] = k
	} else {
		delete(ks.limits, k.name)
	}
}

// limitOf returns how many tasks of k may be admitted; 0: any number.
func (ks *keys) limitOf(k *key) int {
	if k.limit > 0 {
		return k.limit
	}
	return ks.limit
}

// admits reports whether one more task of k may be in the queue of its class, or run.
// Those that may not wait in a queue of the key's own, so that they hold up nobody.
func (ks *keys) admits(k *key) bool {
	most := ks.limitOf(k)
	return most == 0 || k.admitted < most
}

// exceeds reports whether more tasks of the key of t, which is in the queue of its class, are admitted than
// may be. Which tasks are admitted is not recorded: who reads a snapshot admits those that have waited longest, and the
// leader that wrote it may have let in others. As it goes on to start them, they come on top.
func (ks *keys) exceeds(t *task) bool {
	if !t.admitted || t.extras == nil || t.extras.key == nil {
		return false
	}
	most := ks.limitOf(t.extras.key)
	return most > 0 && t.extras.key.admitted > most
}

// dismiss takes a task out of the queue of its class, to wait again for its key.
func (ks *keys) dismiss(t *task) {
	k := t.extras.key
	t.leave()
	k.dequeued(t)
	t.admitted = false
	k.admitted--
	k.waiting.put(t, true)
}

// admit lets in the tasks that k has room for.
func (ks *keys) admit(k *key) {
	for k.waiting.n > 0 && ks.admits(k) {
		t := k.waiting.head(ks.aging)
		t.leave()
		t.admitted = true
		k.admitted++
		k.enqueued(t)
		t.class.queue.put(t, true)
		ks.admitted(t.class)
	}
}

// applyLimits makes the limits of these keys good for tasks that wait already: if
// one has become lower, the latest of its tasks leave the queues of their classes.
func (ks *keys) applyLimits(changed ...*key) {
	for _, k := range changed {
		if most := ks.limitOf(k); most > 0 && k.admitted > most {
			ks.revokeAdmissions(k, slices.Clone(k.queued))
		}
		ks.admit(k)
	}
}

// revokeAdmissions takes the admissions of k above its limit from the tasks queued, and
// puts these before those that wait to be admitted.
func (ks *keys) revokeAdmissions(k *key, queued []*task) {
	if len(queued) == 0 {
		return
	}
	slices.SortFunc(queued, byTurn)
	list := queued[max(0, len(queued)-(k.admitted-ks.limitOf(k))):]
	for _, t := range list {
		t.leave()
		k.dequeued(t)
		t.admitted = false
		k.admitted--
	}
	for k.waiting.n > 0 {
		t := k.waiting.head(ks.aging)
		t.leave()
		list = append(list, t)
	}
	for _, t := range list {
		k.waiting.push(t)
	}
}
