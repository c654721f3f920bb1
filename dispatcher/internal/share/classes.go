package share

// class is the members of one weight in one section. Only the idle ones are in its heap, keyed
// by count and then by the order of joining: among equal weights the lowest
// count has the largest deficit.
type class struct {
	weight  int64
	members int   // joined, idle or not
	top     int32 // index into the section's tops, or absent while nobody is idle
	section int32
	idle    heap
}

// classKey is what tells the classes in use apart.
type classKey struct {
	section int32
	weight  int64
}

// classes holds the idle members by section and weight class. It knows members
// as row numbers.
type classes struct {
	list     []class
	free     []int32 // indices of list that are in no use
	byKey    map[classKey]int32
	pos      []int32   // by row: index in the class's heap, or absent
	sections []section // by id
	unused   []int32   // ids of sections that were dropped
	lightest heap      // the classes in use, of every section, keyed by weight
	lightPos []int32   // by class: index in lightest
}

// join adds a member that is not idle yet to the class of its section and weight.
func (c *classes) join(row int32, key classKey) int32 {
	for int(row) >= len(c.pos) {
		c.pos = append(c.pos, absent)
	}
	id, ok := c.byKey[key]
	if !ok {
		id = c.addClass(key)
	}
	c.list[id].members++
	c.sections[key.section].members++
	return id
}

func (c *classes) addClass(key classKey) int32 {
	var id int32
	if n := len(c.free); n > 0 {
		id = c.free[n-1]
		c.free = c.free[:n-1]
	} else {
		id = int32(len(c.list))
		c.list = append(c.list, class{})
		c.lightPos = append(c.lightPos, absent)
	}
	c.list[id] = class{weight: key.weight, section: key.section, top: absent}
	c.byKey[key] = id
	c.lightest.push(c.lightPos, item{first: uint64(key.weight), id: id})
	return id
}

// leave removes a member that is not idle any more. The last one to leave takes
// its class along.
func (c *classes) leave(id int32) {
	k := &c.list[id]
	c.sections[k.section].members--
	if k.members--; k.members > 0 {
		return
	}
	delete(c.byKey, classKey{section: k.section, weight: k.weight})
	c.lightest.remove(c.lightPos, int(c.lightPos[id]))
	*k = class{top: absent}
	c.free = append(c.free, id)
}

// minWeight returns the lightest weight joined in any section, or 0 if there is none.
func (c *classes) minWeight() int64 {
	if len(c.lightest.items) == 0 {
		return 0
	}
	return int64(c.lightest.items[0].first)
}

// setIdle makes the row's member idle with this count, or moves it there if it
// already is idle.
func (c *classes) setIdle(id, row int32, count, order uint64) {
	k := &c.list[id]
	e := item{first: count, second: order, id: row}
	if p := c.pos[row]; p != absent {
		k.idle.set(c.pos, int(p), e)
	} else {
		k.idle.push(c.pos, e)
		c.sections[k.section].idle++
	}
	c.refresh(id, k)
}

// setBusy makes the row's member not idle; nothing happens if it is not.
func (c *classes) setBusy(id, row int32) {
	p := c.pos[row]
	if p == absent {
		return
	}
	k := &c.list[id]
	k.idle.remove(c.pos, int(p))
	c.sections[k.section].idle--
	c.refresh(id, k)
}

// refresh copies the class's root to its section's tops, or takes it out of there.
func (c *classes) refresh(id int32, k *class) {
	tops := &c.sections[k.section].tops
	if len(k.idle.items) > 0 {
		e := &k.idle.items[0]
		t := top{weight: uint64(k.weight), count: e.first, order: e.second, row: e.id, class: id}
		if k.top == absent {
			k.top = tops.add(t)
		} else {
			tops.set(k.top, t)
		}
		return
	}
	if k.top == absent {
		return
	}
	if moved := tops.remove(k.top); moved != absent {
		c.list[moved].top = k.top
	}
	k.top = absent
}
