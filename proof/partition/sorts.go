package main

// field is the host on which workers and clients are.
const field = "field"

// way is the way of packets from one host to another.
type way struct{ from, to string }

// sort is a sort of cuts.
type sort struct {
	name, about string
	// ways returns those that a cut closes. target is the dispatcher that the cut is of, and rest are
	// the other two.
	ways func(target string, rest [2]string) []way
	// majority says that two dispatchers can reach each other throughout, and workers reach them.
	majority bool
	// elections says that the servers may hold another election after the heal.
	elections bool
}

// sorts are all of them.
var sorts = []sort{
	{"two-way", "one of three is cut off from the two others, both ways", apartBoth, true, false},
	{"out", "what one of three sends to the two others does not arrive", apartOut, true, false},
	{"in", "what two of three send to the third does not arrive", apartIn, true, false},
	{"pair", "two of three are cut off from one another, and both reach the third", apartPair, true, true},
	{"host", "one of three is cut off from everybody, workers and clients too", apartHost, true, false},
	{"each", "all three are cut off from one another", apartEach, false, true},
}

func apartOut(target string, rest [2]string) []way {
	return []way{{target, rest[0]}, {target, rest[1]}}
}

func apartIn(target string, rest [2]string) []way {
	return []way{{rest[0], target}, {rest[1], target}}
}

func apartPair(target string, rest [2]string) []way {
	return []way{{target, rest[0]}, {rest[0], target}}
}

func apartBoth(target string, rest [2]string) []way {
	return append(apartOut(target, rest), apartIn(target, rest)...)
}

func apartHost(target string, rest [2]string) []way {
	return append(apartBoth(target, rest), way{target, field}, way{field, target})
}

func apartEach(target string, rest [2]string) []way {
	return append(apartBoth(target, rest), way{rest[0], rest[1]}, way{rest[1], rest[0]})
}
