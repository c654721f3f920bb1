package share

import (
	"math/rand/v2"
	"testing"
)

// fleet returns a selector in its steady state: every member idle, the window
// full, the counts in proportion to the weights.
func fleet(workers, weights, window int) *Selector[int] {
	s := New[int](window)
	for i := range workers {
		s.Join(i, int64(1+i%weights), 1)
	}
	for range s.Window() + workers {
		cycle(s)
	}
	return s
}

func cycle(s *Selector[int]) {
	m := s.Pick()
	s.Start(m)
	s.ReleaseSlot(m)
}

var sizes = []struct {
	name             string
	workers, weights int
}{
	{"100workers_10weights", 100, 10},
	{"100000workers_100weights", 100_000, 100},
}

// BenchmarkPick is one activation: a pick, its start, and the release.
func BenchmarkPick(b *testing.B) {
	for _, size := range sizes {
		b.Run(size.name, func(b *testing.B) {
			s := fleet(size.workers, size.weights, 10_000)
			b.ReportAllocs()
			for b.Loop() {
				cycle(s)
			}
		})
	}
}

// BenchmarkPickAlone is the choice without its consequences.
func BenchmarkPickAlone(b *testing.B) {
	for _, size := range sizes {
		b.Run(size.name, func(b *testing.B) {
			s := fleet(size.workers, size.weights, 10_000)
			b.ReportAllocs()
			for b.Loop() {
				s.Pick()
			}
		})
	}
}

// BenchmarkPickAmong is an activation in 5 of 50 sections.
func BenchmarkPickAmong(b *testing.B) {
	for _, size := range sizes {
		b.Run(size.name, func(b *testing.B) {
			s := sectionFleet(size.workers, size.weights, 50, 10_000)
			among := []int{0, 7, 13, 30, 49}
			for range s.Window() + size.workers {
				cycleAmong(s, among)
			}
			b.ReportAllocs()
			for b.Loop() {
				cycleAmong(s, among)
			}
		})
	}
}

// BenchmarkPickBusy is an activation while half of the fleet is busy: each step
// starts one member and releases another, a random one of those that run.
func BenchmarkPickBusy(b *testing.B) {
	for _, size := range sizes {
		b.Run(size.name, func(b *testing.B) {
			s := fleet(size.workers, size.weights, 10_000)
			rng := rand.New(rand.NewPCG(1, 1))
			running := make([]*Member[int], size.workers/2)
			for i := range running {
				running[i] = s.Pick()
				s.Start(running[i])
			}
			b.ReportAllocs()
			for b.Loop() {
				m := s.Pick()
				s.Start(m)
				i := rng.IntN(len(running))
				s.ReleaseSlot(running[i])
				running[i] = m
			}
		})
	}
}
