package share

// class is the members of one weight. Only the idle ones are in its heap, keyed
// by count and then by the order of joining: among equal weights the lowest
// count has the largest deficit.
type class struct {
	weight  int64
	members int   // joined, idle or not
	top     int32 // index into the tops, or absent while nobody is idle
	idle    heap
}

// classes holds the idle members by weight class. It knows members as row numbers.
type classes struct {
	list     []class
	free     []int32 // indices of list that are in no use
	byWeight map[int64]int32
	pos      []int32 // by row: index in the class's heap, or absent
	tops     tops    // the roots of the classes that have an idle member
	lightest heap    // the classes in use, keyed by weight
	lightPos []int32 // by class: index in lightest
}

// join adds a member that is not idle yet to the class of its weight.
func (c *classes) join(row int32, weight int64) int32 {
	for int(row) >= len(c.pos) {
		c.pos = append(c.pos, absent)
	}
	id, ok := c.byWeight[weight]
	if !ok {
		id = c.open(weight)
	}
	c.list[id].members++
	return id
}

func (c *classes) open(weight int64) int32 {
	var id int32
	if n := len(c.free); n > 0 {
		id = c.free[n-1]
		c.free = c.free[:n-1]
	} else {
		id = int32(len(c.list))
		c.list = append(c.list, class{})
		c.lightPos = append(c.lightPos, absent)
	}
	c.list[id] = class{weight: weight, top: absent}
	c.byWeight[weight] = id
	c.lightest.push(c.lightPos, entry{first: uint64(weight), id: id})
	return id
}

// leave removes a member that is not idle any more. The last one to leave takes
// its class along.
func (c *classes) leave(id int32) {
	k := &c.list[id]
	if k.members--; k.members > 0 {
		return
	}
	delete(c.byWeight, k.weight)
	c.lightest.remove(c.lightPos, int(c.lightPos[id]))
	*k = class{top: absent}
	c.free = append(c.free, id)
}

// minWeight returns the lightest weight joined, or 0 where there is none.
func (c *classes) minWeight() int64 {
	if len(c.lightest.e) == 0 {
		return 0
	}
	return int64(c.lightest.e[0].first)
}

// put makes the row's member idle with this count, or moves it there if it
// already is idle.
func (c *classes) put(id, row int32, count, order uint64) {
	k := &c.list[id]
	e := entry{first: count, second: order, id: row}
	if p := c.pos[row]; p != absent {
		k.idle.set(c.pos, int(p), e)
	} else {
		k.idle.push(c.pos, e)
	}
	c.refresh(id, k)
}

// drop makes the row's member not idle; nothing happens if it is not.
func (c *classes) drop(id, row int32) {
	p := c.pos[row]
	if p == absent {
		return
	}
	k := &c.list[id]
	k.idle.remove(c.pos, int(p))
	c.refresh(id, k)
}

// refresh copies the class's root to the tops, or takes it out of there.
func (c *classes) refresh(id int32, k *class) {
	if len(k.idle.e) > 0 {
		e := &k.idle.e[0]
		t := top{weight: uint64(k.weight), count: e.first, order: e.second, row: e.id, class: id}
		if k.top == absent {
			k.top = c.tops.add(t)
		} else {
			c.tops.set(k.top, t)
		}
		return
	}
	if k.top == absent {
		return
	}
	if moved := c.tops.remove(k.top); moved != absent {
		c.list[moved].top = k.top
	}
	k.top = absent
}
