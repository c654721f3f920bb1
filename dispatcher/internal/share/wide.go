package share

import "math/bits"

// wide is a signed number of 128 bits in two's complement.
type wide struct {
	hi int64
	lo uint64
}

// deficit returns weight·next − count·total. Both products must be below 2^126.
func deficit(weight, count, next, total uint64) wide {
	ah, al := bits.Mul64(weight, next)
	bh, bl := bits.Mul64(count, total)
	lo, borrow := bits.Sub64(al, bl, 0)
	hi, _ := bits.Sub64(ah, bh, borrow)
	return wide{hi: int64(hi), lo: lo}
}

// compare returns -1, 0 or 1 as a is less than, equal to or greater than b.
func (a wide) compare(b wide) int {
	switch {
	case a == b:
		return 0
	case a.hi < b.hi, a.hi == b.hi && a.lo < b.lo:
		return -1
	}
	return 1
}
