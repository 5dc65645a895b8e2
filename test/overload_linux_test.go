package test

import (
	"fmt"
	"os"
	"strconv"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestOverloadApart is TestOverload with the service on one processor and whoever
// asks on another: what comes of it is the service's doing, and not of the crowd's
// taking the processor away from it.
func TestOverloadApart(t *testing.T) {
	length := lengthOf(t, "DOORWARD_OVERLOAD", 0)
	if length == 0 {
		t.Skip("DOORWARD_OVERLOAD is not set (make overload)")
	}
	var all unix.CPUSet
	if err := unix.SchedGetaffinity(0, &all); err != nil || all.Count() < 2 {
		t.Skipf("needs two processors; there are %d, %v", all.Count(), err)
	}
	var one, others unix.CPUSet
	for cpu := range 1024 {
		switch {
		case !all.IsSet(cpu):
		case one.Count() == 0:
			one.Set(cpu)
		default:
			others.Set(cpu)
		}
	}
	t.Cleanup(func() { confine(t, &all) })
	fmt.Println("the service has a processor of its own:")
	overloads(t, min(length, 2*time.Minute), func(start func()) {
		confine(t, &one) // what is started has the processors of who starts it
		start()
		confine(t, &others)
	})
}

// confine gives this process some of the processors.
func confine(t *testing.T, to *unix.CPUSet) {
	t.Helper()
	threads, err := os.ReadDir("/proc/self/task")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range threads {
		thread, err := strconv.Atoi(e.Name())
		if err != nil {
			t.Fatal(err)
		}
		if err := unix.SchedSetaffinity(thread, to); err != nil && err != unix.ESRCH { // it has ended
			t.Fatal(err)
		}
	}
}
