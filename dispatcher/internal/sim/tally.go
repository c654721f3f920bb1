package sim

// Tally counts what happened in a run, to see that there was something to survive.
type Tally struct {
	Events, Activations, Lost, Rejected, Evicted, Commits, Cleanings int
	Failovers, Pauses, Cuts, GaveUp, SharesChecked                   int
	// Won counts leaderships, Handovers those handed over in order, EndReads the
	// appends whose outcome was unknown, Gaps the standbys that found purged what they
	// were to follow, Held the commits that were in the log when the lease had run out,
	// and Fenced those that were not sent because it had.
	Won, Handovers, EndReads, Gaps, Held, Fenced int
	// Ruled counts the leaderships under other settings than those of the one before.
	Ruled int
	// Refused counts the appends that failed for another reason than a conflict,
	// RefusedAndPassed those of them that are in the log.
	Refused, RefusedAndPassed int
	// Lags counts how often what answers a dispatcher lagged behind the log, OldEnds the answers with
	// an old end, OldReads how often there was an entry that the replica did not have.
	Lags, OldEnds, OldReads int
	// ClockSteps counts how often somebody set a dispatcher's wall clock, Clocks how often the
	// group's clock was recorded.
	ClockSteps, Clocks int
	// Foreign counts the entries that strangers wrote.
	Foreign int
	// Lies counts what liars sent to workers and leaders.
	Lies int
	// Damages counts how often the log lost its end, LostEnds and OlderCopies in which way; Accepted how often
	// somebody accepted that. Unseen counts how often somebody led without knowing of it as no mark had survived
	// that said so, and Unheard how often as whoever had one was not heard.
	Damages, LostEnds, OlderCopies, Accepted, Unseen, Unheard int
	// LostBeginnings and LostEntries count other damages, Damaged the runs that ended since somebody
	// could not read the log any more, and Healed the damages that were cleaned away before.
	LostBeginnings, LostEntries, Damaged, Healed int
	// Upgrades counts the changes of the format, UpgradesRefused those that were refused, StepsBack the
	// programs that were replaced by older ones, and TooOld the processes that ended because they were too old.
	Upgrades, UpgradesRefused, StepsBack, TooOld int
	// Shortages counts how often room was short, NoRoom what was refused for that, and ShortCleanings and
	// ShortForgotten the cleanings, and the tasks that were let go, meanwhile.
	Shortages, NoRoom, ShortCleanings, ShortForgotten int
	// CameBack counts the ends that were not lost after all, as all of it was on its way once more, and
	// LateVoid the entries that came for a place that was lost since.
	CameBack, LateVoid int
	// Misled counts the dispatchers that ended because they had read what was lost since.
	Misled int
	// Polled counts the answers of the log that a term heard amid a long request.
	Polled int
	Tasks  TaskTally
}

// TaskTally counts what happened to tasks.
type TaskTally struct {
	Submitted, Completed, Failed, Cancelled, TimedOut int
	// Waited counts those that had to wait for others, Doomed those that failed
	// with one of them, Expired those that nobody started in time, Revived those that
	// somebody put back.
	Waited, Doomed, Expired, Revived int
	// Hurried counts tasks that were started before their time, as somebody asked for, Deleted those that were deleted.
	Hurried, Deleted int
	// Stepped counts steps after the first, Partial those that went on past a failed one.
	Stepped, Partial int
	// Again counts attempts after the first, Wandered those on another worker than
	// the one before, Late reports of attempts that were not in force any more,
	// Overdue attempts that the dispatcher ended, Stubborn handlers that heeded neither
	// their timeout nor an order to stop.
	Again, Wandered, Late, Overdue, Stubborn int
	// Gone counts workers declared gone, Slandered those of them that lived.
	Gone, Slandered int
	// CameBack counts attempts that came back without having begun, and counted for that.
	CameBack int
	// Repeated counts submissions that were known already, NotUnique, Full, Cyclic and
	// Conflicts those refused for that.
	Repeated, NotUnique, Full, Cyclic, Conflicts int
	// Pulled counts results handed out, Repulled pulls that were repeated, Forgotten
	// tasks that were let go, Batches those done.
	Pulled, Repulled, Forgotten, Batches int
	// HeldBack counts pending tasks at the moments when something held back their kind,
	// pool or key while a worker was free.
	HeldBack int
	// Mended counts what had to be resumed, closed, submitted or cancelled so that all
	// could end.
	Mended int
}

// Add adds the counts of another run.
func (t *Tally) Add(o Tally) {
	for i, n := range o.list() {
		*t.list()[i] += *n
	}
	for i, n := range o.rare() {
		*t.rare()[i] += *n
	}
}

// rare lists what need not happen in some hundred runs.
func (t *Tally) rare() []*int {
	return []*int{&t.Unseen, &t.Unheard, &t.CameBack, &t.LateVoid, &t.Misled}
}

func (t *Tally) list() []*int {
	k := &t.Tasks
	return []*int{
		&t.Events, &t.Activations, &t.Lost, &t.Rejected, &t.Evicted, &t.Commits, &t.Cleanings,
		&t.Failovers, &t.Pauses, &t.Cuts, &t.GaveUp, &t.SharesChecked,
		&t.Won, &t.Handovers, &t.EndReads, &t.Gaps, &t.Held, &t.Fenced, &t.Ruled, &t.Refused, &t.RefusedAndPassed, &t.Lags, &t.OldEnds, &t.OldReads, &t.Polled,
		&t.Foreign, &t.Lies, &t.Damages, &t.LostEnds, &t.OlderCopies, &t.Accepted, &t.LostBeginnings, &t.LostEntries, &t.Damaged, &t.Healed,
		&t.Upgrades, &t.UpgradesRefused, &t.StepsBack, &t.TooOld, &t.Shortages, &t.NoRoom, &t.ShortCleanings, &t.ShortForgotten,
		&t.ClockSteps, &t.Clocks,
		&k.Submitted, &k.Completed, &k.Failed, &k.Cancelled, &k.TimedOut,
		&k.Waited, &k.Doomed, &k.Expired, &k.Revived, &k.Hurried, &k.Deleted, &k.Stepped, &k.Partial,
		&k.Again, &k.Wandered, &k.Late, &k.Overdue, &k.Stubborn, &k.Gone, &k.Slandered, &k.CameBack,
		&k.Repeated, &k.NotUnique, &k.Full, &k.Cyclic, &k.Conflicts,
		&k.Pulled, &k.Repulled, &k.Forgotten, &k.Batches, &k.HeldBack, &k.Mended,
	}
}
