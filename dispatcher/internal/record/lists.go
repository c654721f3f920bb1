package record

import (
	"maps"
	"slices"

	ha "github.com/seed261fe303/ha"
)

// list passes a list whose elements have fields of their own, each of which takes at
// least size bytes. Reading uses the memory of *v again.
func list[E any](c *Codec, name string, v *[]E, size int, fields func(*Codec, *E)) {
	switch c.mode {
	case reading:
		n := c.count(size)
		s := (*v)[:0]
		if n > cap(s) {
			s = make([]E, 0, n)
		}
		for i := range n {
			var zero E
			s = append(s, zero)
			fields(c, &s[i])
		}
		if n == 0 && cap(s) == 0 {
			s = nil
		}
		*v = s
	case writing:
		c.writeUint(uint64(len(*v)))
		for i := range *v {
			fields(c, &(*v)[i])
		}
	default:
		if name == "" {
			return
		}
		rows := make([]Object, len(*v))
		for i := range *v {
			rows[i] = c.object(func() { fields(c, &(*v)[i]) })
		}
		c.show(name, rows)
	}
}

// showCount shows how long a list is, which takes no bytes of its own.
func (c *Codec) showCount(name string, n int) {
	if c.mode == showing {
		c.show(name, n)
	}
}

// group shows what pass passes as one object of that name.
func (c *Codec) group(name string, pass func()) {
	if c.mode != showing {
		pass()
		return
	}
	c.show(name, c.object(pass))
}

// object collects what pass shows.
func (c *Codec) object(pass func()) (o Object) {
	visit := c.visit
	c.visit = func(name string, value any) { o = append(o, Field{name, value}) }
	pass()
	c.visit = visit
	return o
}

// numbers passes numbers of any order.
func (c *Codec) numbers(name string, v *[]uint64) {
	switch c.mode {
	case reading:
		n := c.count(1)
		if *v = nil; n > 0 {
			*v = make([]uint64, n)
		}
		for i := range *v {
			(*v)[i] = c.readUint()
		}
	case writing:
		c.writeUint(uint64(len(*v)))
		for _, n := range *v {
			c.writeUint(n)
		}
	default:
		c.show(name, *v)
	}
}

// rising passes numbers that mostly rise a little, as differences.
func (c *Codec) rising(name string, v *[]uint64) {
	switch c.mode {
	case reading:
		n := c.count(1)
		if *v = nil; n > 0 {
			*v = make([]uint64, n)
		}
		last := int64(0)
		for i := range *v {
			d := int64(0)
			signed(c, "", &d)
			last += d
			(*v)[i] = uint64(last)
		}
	case writing:
		c.writeUint(uint64(len(*v)))
		last := uint64(0)
		for _, n := range *v {
			d := int64(n - last)
			signed(c, "", &d)
			last = n
		}
	default:
		c.show(name, *v)
	}
}

// namesList passes a list of names that many workers have.
func (c *Codec) namesList(name string, v *[]string) {
	switch {
	case c.mode == showing:
		c.show(name, *v)
	case c.mode == writing:
		c.writeUint(uint64(len(*v)))
		for _, s := range *v {
			c.writeString(s)
		}
	case c.names == nil:
		*v = c.readNames()
	default:
		whole := c.buf
		for range c.count(1) {
			c.readBytes()
		}
		form := whole[:len(whole)-len(c.buf)]
		known, ok := c.names.Names(form)
		if !ok && !c.bad {
			alone := Codec{mode: reading, buf: form}
			known = alone.readNames()
			c.names.Keep(form, known)
		}
		*v = known
	}
}

func (c *Codec) readNames() []string {
	n := c.count(1)
	if n == 0 {
		return nil
	}
	names := make([]string, n)
	for i := range names {
		names[i] = string(c.readBytes())
	}
	return names
}

// taskIDs passes a list of ids.
func (c *Codec) taskIDs(name string, v *[]ha.TaskID) {
	switch c.mode {
	case reading:
		*v = nil
		for range c.count(1) {
			*v = append(*v, ha.TaskID(c.readBytes()))
		}
	case writing:
		c.writeUint(uint64(len(*v)))
		for _, id := range *v {
			c.writeString(string(id))
		}
	default:
		c.show(name, *v)
	}
}

// labels passes the labels of a task, in the order of their names.
func (c *Codec) labels(s *ha.TaskSpec) {
	switch c.mode {
	case reading:
		s.Labels = make(map[string]string)
		for range c.count(2) {
			key := string(c.readBytes())
			s.Labels[key] = string(c.readBytes())
		}
	case writing:
		c.writeUint(uint64(len(s.Labels)))
		for _, key := range slices.Sorted(maps.Keys(s.Labels)) {
			c.writeString(key)
			c.writeString(s.Labels[key])
		}
	default:
		c.show("labels", s.Labels)
	}
}
