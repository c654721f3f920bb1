// Package worker is the worker's side of the protocol: it registers with a
// dispatcher, says that it lives, runs a function for each activation it is sent,
// and tells how that ended. What a user writes is that function.
//
// There are two sorts of workers. One is for tasks: [Worker.Handle] gives it a
// [TaskHandler] for each kind of them, which may be made of a function with types of
// its own by [Typed], and [Worker.Use] puts [Middleware] around all. The other one
// takes plain activations, which carry nothing, and has one [Handler] for all. A
// worker is of the one sort or of the other.
//
// # The life of a worker
//
// Greeting. The worker listens on the subject that all workers share, and only
// then says hello with its weight, so that an activation sent right behind the
// reply is not missed. What arrives before it knows its id is kept and looked
// through afterwards. A hello that nobody answers is repeated, with growing and
// random pauses of up to 2 s, for as long as it takes. All repetitions carry one
// nonce, so that a lost reply leaves one registration behind and not two. Only a
// refusal that repeating cannot mend ends the worker here.
//
// Working. The reply names the worker's id, its timing and the subject of its
// activations. Unless told not to, the worker also listens on a subject of its
// own. From then on:
//
//   - A heartbeat goes out every interval, the first one interval after the
//     hello, or at once where orders come on a subject of the worker's own: it
//     tells the dispatcher that the worker listens there. It lists what the worker holds: each activation from the moment it
//     was received until its outcome was acknowledged. The dispatcher compares
//     this with what it believes, and so repairs whatever a lost message left.
//   - An activation takes a slot, and its handler runs at once, whatever the others
//     do. One that finds no free slot is reported as rejected. One that was received
//     before, or that comes with an epoch lower than the highest seen, is ignored:
//     the first is a duplicate, the second is from a leader that was replaced.
//   - A handler that returns frees its slot. Its outcome goes out in an
//     'available', together with all others that ended meanwhile, as far as they fit
//     into one. One available is in flight at a time, and it is repeated until it is
//     acknowledged. Where one is refused as malformed or too large, its outcomes go
//     out one by one, and what is refused alone is reported as failed for that reason.
//
// Draining. Run's context was cancelled, or the dispatcher ordered it. The worker
// takes nothing more (what it is still sent it rejects), lets its handlers
// finish, reports them and says bye. It heartbeats all the while. After the
// grace period, which only a stop by context has, handlers are cancelled, and a
// little later the worker leaves without them.
//
// Lost. As many heartbeats in a row as the dispatcher allowed were misses: there
// was nobody to answer, or no answer in time, or an error, or the answer came
// from a leader that was replaced. Each heartbeat has an inbox of its own, so the
// late answer to one is not a hit for the next. The handlers are cancelled and
// Run returns [ha.ErrDispatcherLost]. By then the dispatcher, if it lives, has
// not yet given the work to another: misses × interval is less than the silence
// after which it does.
//
// Forgotten is the way back from working to greeting: the dispatcher lives but
// answers that it does not know the worker, which had been silent for too long.
// What still runs was accounted as lost and may be running elsewhere. It is
// cancelled and never reported, and once its handlers have returned the worker
// says hello as a new instance. A handler that ignores its cancellation for the
// grace period keeps its slot: the new registration promises the others.
//
// # Tasks
//
// An activation with a task runs the handler of the task's kind. Its context ends
// with the time that this attempt is given, with the cause [ErrTimedOut], besides
// the causes that every handler has; an error after that is reported as timed out.
// A handler that ignores its context cannot be stopped. It keeps its slot until it
// returns, which holds the worker to its word, and the dispatcher decides what
// becomes of the task meanwhile.
//
// What fails is tried again by the dispatcher as the task says, unless the error
// matches [ha.ErrPermanent]. Permanent too is what no further attempt of the same
// handler would mend: a payload that [Typed] cannot decode, a result that is no JSON
// or over its limit. A kind that nobody handles here is a failure that is not
// permanent, as another worker may know it.
//
// [SetProgress] tells how far a task is, and [TaskFrom] which one it is, from
// anywhere below its handler.
//
// # What it promises
//
// A handler is called at most once for an activation of one registration, and
// never for more activations at once than there are slots. An outcome is
// reported until the dispatcher has answered, unless the worker is lost,
// forgotten or has to leave first. A panic in a handler is an outcome.
// Whatever is sent to its subjects, a worker goes on: orders that cannot be
// decoded are counted, logged and ignored.
//
// It does not promise that a handler ran to its end only once in the whole fleet:
// a worker that was cut off may be late to notice.
//
// # How it is built
//
// One goroutine, that of Run, owns all state. The decisions are in a session,
// which does no I/O and reads no clock; around it, a membership has the
// subscriptions, requests and timers of one registration, and only carries
// messages to the session and out what it decides. A life chains registrations,
// and the executor that runs handlers outlives them. Subscription callbacks decode and
// enqueue, nothing else. The connection stays the caller's.
//
// A task that does nothing costs about a microsecond here, so what every task
// would pay for and few need is made when it is asked for: contexts with their
// timers, and what keeps progress. Handlers that return at once are called in a row
// by one goroutine, and all others have one to themselves.
package worker
