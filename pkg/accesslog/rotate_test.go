package accesslog

import (
	"compress/gzip"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/weirproxy/weir/pkg/config"
)

func TestRotateBySize(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, path := newBench(t), filepath.Join(t.TempDir(), "access.log")
		w := NewWorker(b.Files)
		to := w.Writer(b.log(path, config.LogRoller{MaxSize: 4, Keep: 2, Compress: true}).Log)
		for i := range uint64(9) { // two records to a file
			put(w, to, i+1)
			synctest.Wait() // within one moment of fake time
		}
		got := map[string]string{}
		for _, f := range list(t, filepath.Dir(path)) {
			got[strings.TrimPrefix(f, "access.log")] = unzipped(t, filepath.Join(filepath.Dir(path), f))
		}
		now := time.Now()
		want := map[string]string{
			"": "9\n",
			"." + now.Add(3*time.Millisecond).Format(stamp) + ".gz": "7\n8\n",
			"." + now.Add(2*time.Millisecond).Format(stamp) + ".gz": "5\n6\n",
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		b.close()
		b.expect(9, 0)
	})
}

func TestRotateByTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, path := newBench(t), filepath.Join(t.TempDir(), "access.log")
		// What an earlier process wrote yesterday is yesterday's file.
		must(t, os.WriteFile(path, []byte("0\n"), 0o600))
		midnight := time.Now().Truncate(time.Hour)
		for midnight.Hour() != 0 {
			midnight = midnight.Add(time.Hour)
		}
		must(t, os.Chtimes(path, time.Time{}, midnight.Add(-time.Minute)))
		pass(time.Until(midnight))
		w := NewWorker(b.Files)
		to := w.Writer(b.log(path, config.LogRoller{Interval: 24 * time.Hour}).Log)
		put(w, to, 1)
		synctest.Wait()
		pass(24*time.Hour - time.Second)
		put(w, to, 2)
		synctest.Wait()
		pass(time.Second)
		put(w, to, 3)
		b.close()
		old, err := rotatedFiles(path)
		must(t, err)
		if len(old) != 2 || content(t, old[1].path) != "0\n" || content(t, old[0].path) != "1\n2\n" || content(t, path) != "3\n" {
			t.Errorf("%v", old)
		}
	})
}

// TestRotationFails: the folder may not be written to, the file may.
func TestRotationFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, dir := newBench(t), t.TempDir()
		path := filepath.Join(dir, "access.log")
		f := b.log(path, config.LogRoller{MaxSize: 1}).file
		b.close() // so that the file is the test's
		must(t, f.open())
		_, err := f.write([]byte("1\n"))
		must(t, err)
		// Another file has taken the name's place in a folder that is gone.
		must(t, os.Rename(dir, dir+".moved"))
		for range 3 {
			_, err := f.write([]byte("2\n"))
			must(t, err)
		}
		must(t, os.Rename(dir+".moved", dir))
		if got := content(t, path); got != "1\n2\n2\n2\n" || b.Errors() != 1 {
			t.Errorf("%q, %d errors", got, b.Errors())
		}
		pass(retryAfter)
		_, err = f.write([]byte("3\n"))
		must(t, err)
		f.close()
		if got := content(t, path); got != "3\n" {
			t.Errorf("%q", got)
		}
	})
}

func TestTidy(t *testing.T) {
	now := time.Date(2026, 3, 10, 0, 0, 0, 0, time.Local)
	const d1, d2, d3 = "access.log.2026-03-09_00-00-00.000", "access.log.2026-03-08_00-00-00.000.gz", "access.log.2026-03-01_00-00-00.000"
	others := []string{"access.log", "access.log.1", "access.log.2026-03-01_00-00-00.000.bak", "access.log.2026-03-01", "other.log.2026-03-01_00-00-00.000"}
	for _, c := range []struct {
		roller config.LogRoller
		want   []string
	}{
		{config.LogRoller{}, []string{d1, d2, d3}},
		{config.LogRoller{Keep: 2}, []string{d1, d2}},
		{config.LogRoller{MaxAge: 36 * time.Hour}, []string{d1}},
		{config.LogRoller{Compress: true, Keep: 9}, []string{d1 + ".gz", d2, d3 + ".gz"}},
	} {
		dir := t.TempDir()
		for _, name := range append([]string{d1, d2, d3}, others...) {
			must(t, os.WriteFile(filepath.Join(dir, name), []byte(name), 0o600))
		}
		f := &file{path: filepath.Join(dir, "access.log"), stop: make(chan struct{})}
		f.roller.Store(&c.roller)
		must(t, f.tidy(now))
		want := slices.Sorted(slices.Values(append(c.want, others...)))
		if diff := cmp.Diff(want, list(t, dir)); diff != "" {
			t.Errorf("%+v: %s", c.roller, diff)
		}
	}
}

// TestTidyIsInterrupted: a file that is being compressed when the log is closed
// stays as it was.
func TestTidyIsInterrupted(t *testing.T) {
	dir := t.TempDir()
	old := filepath.Join(dir, "a."+time.Now().Format(stamp))
	must(t, os.WriteFile(old, []byte("1\n"), 0o600))
	f := &file{path: filepath.Join(dir, "a"), stop: make(chan struct{})}
	f.roller.Store(&config.LogRoller{Compress: true})
	close(f.stop)
	if err := f.tidy(time.Now()); err == nil {
		t.Error("no error")
	}
	if got := list(t, dir); len(got) != 1 || content(t, old) != "1\n" {
		t.Errorf("%v", got)
	}
}

func TestRollerOfALaterConfiguration(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, path := newBench(t), filepath.Join(t.TempDir(), "access.log")
		w := NewWorker(b.Files)
		to := w.Writer(b.log(path, config.LogRoller{}).Log)
		put(w, to, 1)
		synctest.Wait()
		later := b.log(path, config.LogRoller{MaxSize: 1})
		put(w, to, 2)
		later.Close()
		b.close()
		if got := list(t, filepath.Dir(path)); len(got) != 2 || content(t, path) != "2\n" {
			t.Errorf("%v", got)
		}
	})
}

func list(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	must(t, err)
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func unzipped(t *testing.T, path string) string {
	t.Helper()
	if !strings.HasSuffix(path, gz) {
		return content(t, path)
	}
	f, err := os.Open(path)
	must(t, err)
	defer f.Close()
	z, err := gzip.NewReader(f)
	must(t, err)
	b, err := io.ReadAll(z)
	must(t, err)
	return string(b)
}
