// Package share decides whose turn it is: it picks among weighted members so that
// what they were given follows their weights as closely as it can at every step,
// not only in the long run. It is pure: no clock, no randomness, no goroutines,
// no floating point, and the same calls always give the same picks.
//
// # The rule
//
// Let c_i be the activations of member i, N their sum, w_i the weights and W
// their sum, over all joined members, idle or not. The next activation goes to the
// idle member that brings the distribution c/(N+1) closest, in Euclidean
// distance, to w/W. Ties go to the member that joined first.
//
// Nobody needs to measure distances to follow it. With the activation given to i,
// the square of the distance is
//
//	Σ_j (c_j/(N+1) − w_j/W)²  +  2/(N+1) · (c_i/(N+1) − w_i/W)  +  1/(N+1)²
//
// and only the middle term depends on i. It is least where w_i/W − c_i/(N+1) is
// greatest, and, multiplied by the positive W·(N+1), where the deficit
//
//	w_i·(N+1) − c_i·W
//
// is greatest: a whole number. It is W times the difference between what i should
// have after this activation and what it has. All deficits together make W, so
// the greatest one is positive while everybody is idle.
//
// The deficit is computed in 64 bits if W·(N+1) is below 2^63, which bounds
// every product in it, and in 128 bits otherwise.
//
// # Finding the largest deficit
//
// Members of the same weight differ in nothing but c_i, so the best of a weight
// class is the one with the lowest count, and of equals the first to have joined.
// Each class keeps its idle members in a heap in that order, and the heaps' roots
// lie side by side in one slice, or in one for each section. Blocks of that slice
// remember their best deficit; as no deficit grows by more than the heaviest weight
// when N grows by one, a block also knows what its members cannot exceed later. A
// pick looks into the blocks that changed and into those whose bound is not below
// the best so far. At worst that is every class: a pick is O(classes), a change of
// a member O(log members of its class). Neither allocates.
//
// # Sections
//
// The members are partitioned into sections, and a pick may be restricted to some of
// them, as for work that only certain members can do. It goes to the idle member
// among those sections with the largest deficit, ties to the first that joined,
// whichever section it is in. Everything else knows no sections: N, W, the window
// and its length are those of all members, so that what a member was given for one
// kind of work counts against it for every other. Among the members it may choose
// from, a pick is still the one that brings the distribution c/(N+1) closest to
// w/W, since the proof above does not ask who else is idle.
//
// A class is the members of one weight in one section. The best of a block is
// remembered for the N and W of the whole selector, so it serves every pick that
// names the section, and a section that could not beat the best of those before it
// is passed over block by block. Such a pick is O(sections named + their
// classes), and does not allocate.
//
// What is said below of starving and of quota is about picks among all members. A
// restricted pick chooses from what it is offered: while all work is for one
// section, the members of the others get nothing, and later whatever is for both
// goes to them until they have caught up.
//
// # The window
//
// With a window, only the last L activations count. A newcomer to an old fleet
// then owes itself a share of the window, not of all history, and a change of the
// fleet is forgotten after L activations. The history is a ring of row numbers, 4
// bytes each, that grows with use. When it is full, the oldest activation is
// forgotten before the next is counted. An activation of a member that has left
// keeps its place in the ring until it falls out, so leaving costs nothing per
// activation; it counts for nobody. Its row number is not given to anyone else
// before that.
//
// A window can be too short. A hundred thousand equal members and L = 10,000: after
// L activations the first 10,001 members take turns for ever, because the one just
// forgotten ties with those never picked and joined before them. One
// member of weight 1 among heavy ones: its deficit is at most L+1, and if
// W is much more, somebody else's always is larger. Hence the effective length
//
//	L = min(MaxWindow, max(window, 2·⌈W / lightest weight⌉))
//
// which follows the fleet at Join and Leave. It gives the lightest member two
// activations in a full window, and the following holds.
//
// Nobody starves. Let the fleet be settled and w_i·(L+1) > W, which the formula
// ensures wherever the cap does not bite. Then i, as long as it stays idle, is
// passed over at most 2L times in a row, whatever the others do. Proof: after L times
// the ring is full, nobody who left is in it, and c_i = 0, so that i's
// deficit is w_i·(L+1) > W and stays so. Whoever is picked before i has a deficit
// of more than W before and more than 0 after; until its next pick it can only
// rise, as N stands still. After L more, the window holds nothing but such picks, so
// every member's deficit is positive (that of a member without any activation is
// w_j·(L+1)), and i's alone is more than W. But together they make W.
//
// If W / lightest weight exceeds [MaxWindow], the cap bites and the lightest
// members may starve: with 1,000 members of each weight from 1 to 100, W is 5,050,000,
// and those of weight 1 and 2 are never picked once the window is full. A window
// of 0 has no such limit.
//
// # How close the shares are
//
// Let everybody be idle all the time, with window 0. What is the greatest
// distance between c_i and the exact share N·w_i/W? In the words of apportionment,
// does the rule stay within quota: never a whole seat above the exact share
// (upper quota), never a whole seat below (lower quota)?
//
// Upper quota holds: c_i − N·w_i/W ≤ 1 − 1/n, for n members. The n deficits make W
// together, so the greatest is at least W/n. Whoever is picked had such a deficit,
// and W less after: it is ahead by at most W − W/n, divided by W. Members that are
// not picked only fall back.
//
// Lower quota holds for two and three members and for no larger number. The bound is
//
//	N·w_i/W − c_i  ≤  H_n − 1  =  1/2 + 1/3 + … + 1/n
//
// which is 1/2 for two members, 5/6 for three, 13/12 for four, 2.995 for
// thirty and 3.50 for fifty. Proof: call N·w_j/W − c_j member j's lag, and let a_k
// bound the average lag of any k members after any number of activations. All lags add up to 0,
// so a_n = 0. Claim: a_k = a_(k+1) + 1/(k+1) will do. It holds at the start.
// Take k members after a pick. If the one picked is among them, their sum has risen
// by their part of the weights and fallen by one: it has not grown. If it is
// not, add it: the k+1 had together at most (k+1)·a_(k+1) + 1 before it was given
// its activation, and as it was the one furthest behind, the k without it had at most
// k/(k+1) of that. The bound is a_1.
//
// The bound appears to be exact. Two equal heaviest members and each further one
// lighter than the one before by a large factor come close to it: 1, 1000, 10^6,
// 10^6 reach 1.082 of 1.083, and 1, 17, 793, 793 are enough for 1.070. The one that falls
// behind is one of the heavy. The largest lag that a search found for fifty members, with weights up
// to a million, is 2.56; a test pins it and others. Weights drawn at random
// rarely take anybody past 1. After W activations every count is exactly the weight
// and all begins anew: each count is then less than one above its weight, hence at
// most equal to it, and together they make W.
//
// A rule that stays within quota exists. Tijdeman (The chairman assignment
// problem, Discrete Mathematics 32, 1980) keeps everybody within 1 − 1/(2n−2) both
// ways: among those whose next activation would not put them too far ahead, it
// takes the one whose deadline for it is nearest. Steiner and Yeomans (Level
// schedules for mixed-model, just-in-time processes, Management Science 39, 1993)
// find such schedules for assembly lines, where the rule of this package is known
// as goal chasing (Monden, Toyota Production System, 1983). Balinski and Young
// (Fair Representation, 1982) treat quota in apportionment. Among servers the rule, with
// everybody idle, is smooth weighted round robin. This package keeps it because
// it needs no more than the present counts and weights: with members that are busy,
// come and go, a deadline computed from the past has no meaning, whereas the
// closest distribution always has. No quota holds for members that are
// busy, and none is claimed within a window shorter than the history.
package share
