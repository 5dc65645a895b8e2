package extract

import (
	"os"
	"os/signal"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// confine lowers this process's limits for good. RLIMIT_DATA counts private
// writable memory, which for Go is the heap; RLIMIT_AS would count address
// space, of which Go reserves far more than it uses.
func confine(l limits) error {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGXCPU)
	go func() {
		<-signals
		os.Exit(exitCPU)
	}()
	type limit struct {
		what int
		max  uint64
	}
	list := []limit{{unix.RLIMIT_FSIZE, 0}, {unix.RLIMIT_CORE, 0}, {unix.RLIMIT_NOFILE, 16}}
	if l.Memory > 0 {
		list = append(list, limit{unix.RLIMIT_DATA, uint64(l.Memory)})
	}
	for _, r := range list {
		if err := unix.Setrlimit(r.what, &unix.Rlimit{Cur: r.max, Max: r.max}); err != nil {
			return err
		}
	}
	return unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
}

// allowCPU moves the soft limit of processor time ahead by d.
func allowCPU(d time.Duration) error {
	var used unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &used); err != nil {
		return err
	}
	var now unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_CPU, &now); err != nil {
		return err
	}
	spent := time.Duration(used.Utime.Nano() + used.Stime.Nano())
	now.Cur = min(uint64((spent+d)/time.Second)+1, now.Max)
	return unix.Setrlimit(unix.RLIMIT_CPU, &now)
}
