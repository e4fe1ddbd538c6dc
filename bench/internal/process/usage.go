package process

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"time"
)

// tick is the unit of times in /proc: USER_HZ, which Linux has fixed at 100.
const tick = time.Second / 100

// stat is what is used of /proc/PID/stat.
type stat struct {
	parent int
	cpu    time.Duration // user and system, of all threads
}

func readStat(pid int) (stat, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return stat{}, err
	}
	return parseStat(text)
}

// parseStat reads the fields after the command's name, which stands in parentheses and may hold anything.
func parseStat(text []byte) (stat, error) {
	const parent, user, system = 1, 11, 12
	fields := bytes.Fields(text[bytes.LastIndexByte(text, ')')+1:])
	if len(fields) <= system {
		return stat{}, fmt.Errorf("stat: %d fields in %q", len(fields), text)
	}
	var n [system + 1]int
	for _, i := range []int{parent, user, system} {
		v, err := strconv.Atoi(string(fields[i]))
		if err != nil {
			return stat{}, fmt.Errorf("stat: %w", err)
		}
		n[i] = v
	}
	return stat{parent: n[parent], cpu: time.Duration(n[user]+n[system]) * tick}, nil
}

// Family is a process and all its descendants, the process first.
func Family(pid int) ([]int, error) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, err
	}
	children := map[int][]int{}
	for _, e := range entries {
		child, err := strconv.Atoi(e.Name())
		if err != nil {
			continue // not a process
		}
		if s, err := readStat(child); err == nil { // or it has just ended
			children[s.parent] = append(children[s.parent], child)
		}
	}
	family := []int{pid}
	for i := 0; i < len(family); i++ {
		family = append(family, children[family[i]]...)
	}
	return family, nil
}

// CPU is the processor time that the processes have used so far, in user and system mode, in steps of 10 ms. One that has ended is
// an error: its time would be missing.
func CPU(pids []int) (time.Duration, error) {
	var total time.Duration
	for _, pid := range pids {
		s, err := readStat(pid)
		if err != nil {
			return 0, err
		}
		total += s.cpu
	}
	return total, nil
}

// PSS is the resident memory of the processes in bytes, with each page divided by the number of processes that share it.
func PSS(pids []int) (int64, error) {
	var total int64
	for _, pid := range pids {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
		if err != nil {
			return 0, err
		}
		n, err := parseKilobytes(text, "Pss:")
		if err != nil {
			return 0, err
		}
		total += n
	}
	return total, nil
}

// PeakRSS is the most that [RSS] has been, of each process since it began.
func PeakRSS(pids []int) (int64, error) {
	var total int64
	for _, pid := range pids {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
		if err != nil {
			return 0, err
		}
		n, err := parseKilobytes(text, "VmHWM:")
		if err != nil {
			return 0, err
		}
		total += n
	}
	return total, nil
}

// parseKilobytes is the value of a line such as "Pss:  1234 kB", in bytes.
func parseKilobytes(text []byte, name string) (int64, error) {
	for line := range bytes.Lines(text) {
		value, ok := bytes.CutPrefix(line, []byte(name))
		if !ok {
			continue
		}
		value = bytes.TrimSuffix(bytes.TrimSpace(value), []byte(" kB"))
		n, err := strconv.ParseInt(string(value), 10, 64)
		return n << 10, err
	}
	return 0, fmt.Errorf("no %s in %q", name, text)
}

// RSS is the resident memory of the processes in bytes. Unlike [PSS] it counts a page once for each process that shares it, and is
// cheap enough to be read many times a second.
func RSS(pids []int) (int64, error) {
	var total int64
	for _, pid := range pids {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
		if err != nil {
			return 0, err
		}
		n, err := parseRSS(text)
		if err != nil {
			return 0, err
		}
		total += n
	}
	return total, nil
}

// parseRSS reads the second field of statm, in pages.
func parseRSS(text []byte) (int64, error) {
	fields := bytes.Fields(text)
	if len(fields) < 2 {
		return 0, fmt.Errorf("statm: %q", text)
	}
	pages, err := strconv.ParseInt(string(fields[1]), 10, 64)
	return pages * int64(os.Getpagesize()), err
}
