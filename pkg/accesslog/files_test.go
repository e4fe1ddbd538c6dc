package accesslog

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/weirproxy/weir/pkg/config"
	"github.com/weirproxy/weir/pkg/stream"
	"github.com/weirproxy/weir/pkg/stream/streamtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// bench is a Files with what its log says.
type bench struct {
	*Files
	t    *testing.T
	said *bytes.Buffer
}

func newBench(t *testing.T) *bench {
	var said bytes.Buffer
	return &bench{NewFiles(slog.New(slog.NewTextHandler(&said, nil))), t, &said}
}

// log opens a log of the numbers of connections.
func (b *bench) log(path string, roller config.LogRoller) *OpenLog {
	b.t.Helper()
	l, err := b.open(&config.AccessLog{Path: path, Format: "%connection_id%"}, roller)
	if err != nil {
		b.t.Fatal(err)
	}
	l.Use()
	return l
}

// open opens a log of a configuration.
func (b *bench) open(c *config.AccessLog, roller config.LogRoller) (*OpenLog, error) {
	format, err := Compile(c)
	if err != nil {
		return nil, err
	}
	l, err := NewLog(c, format, roller)
	if err != nil {
		return nil, err
	}
	return b.Open(l)
}

func (b *bench) close() {
	b.t.Helper()
	if err := b.Close(context.Background()); err != nil {
		b.t.Error(err)
	}
}

func (b *bench) expect(written, dropped uint64) {
	b.t.Helper()
	if w, d := b.Written(), b.Dropped(); w != written || d != dropped {
		b.t.Errorf("%d written, %d dropped; want %d, %d", w, d, written, dropped)
	}
}

// put appends records with these numbers and hands them over.
func put(w *Worker, to *Writer, ids ...uint64) {
	for _, id := range ids {
		to.Append(&stream.Info{Downstream: streamtest.Between(id, "", "")})
	}
	w.Flush()
}

func content(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestFileIsShared(t *testing.T) {
	b, dir := newBench(t), t.TempDir()
	path := filepath.Join(dir, "new", "access.log")
	one, two := b.log(path, config.LogRoller{}), b.log(filepath.Join(dir, "new", "..", "new", "access.log"), config.LogRoller{})
	if one.file != two.file {
		t.Error("the file was opened twice")
	}
	w := NewWorker(b.Files)
	first, second := w.Writer(one.Log), w.Writer(two.Log)
	put(w, first, 1)
	put(w, second, 2)
	first.Close()
	one.Close()
	second.Append(&stream.Info{Downstream: streamtest.Between(3, "", "")})
	second.Close() // flushes
	two.Close()
	if len(w.sheets) != 0 || len(b.Files.open) != 0 {
		t.Error("something is still open")
	}
	b.close()
	if got := content(t, path); got != "1\n2\n3\n" {
		t.Errorf("%q", got)
	}
	b.expect(3, 0)
}

func TestOpenErrors(t *testing.T) {
	b, dir := newBench(t), t.TempDir()
	for _, c := range []config.AccessLog{{}, {Path: dir}, {Path: dir + "/a", Format: "%"}, {Path: os.Args[0] + "/under/a/file"}} {
		if _, err := b.open(&c, config.LogRoller{}); err == nil {
			t.Errorf("%+v: no error", c)
		}
	}
	b.close()
}

// TestManyWorkers writes more than the pages hold: what is not in the file was
// counted.
func TestManyWorkers(t *testing.T) {
	b, path := newBench(t), filepath.Join(t.TempDir(), "a")
	l := b.log(path, config.LogRoller{MaxSize: 1 << 20})
	const workers, records = 3, 100_000
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			w := NewWorker(b.Files)
			to := w.Writer(l.Log)
			for i := range records {
				to.Append(&stream.Info{Downstream: streamtest.Between(uint64(i)+1, "", "")})
			}
			to.Close()
		})
	}
	wg.Wait()
	l.Close()
	b.close()
	var found int
	files, _ := filepath.Glob(path + "*")
	for _, f := range files {
		found += strings.Count(content(t, f), "\n")
	}
	if uint64(found) != b.Written() || b.Written()+b.Dropped() != workers*records || found == 0 {
		t.Errorf("%d records found, %d written, %d dropped", found, b.Written(), b.Dropped())
	}
}

func TestFullDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, path := newBench(t), filepath.Join(t.TempDir(), "access.log")
		must(t, os.Symlink("/dev/full", path))
		l, w := b.log(path, config.LogRoller{}), NewWorker(b.Files)
		to := w.Writer(l.Log)
		put(w, to, 1)
		put(w, to, 2)
		pass(10 * retryAfter)
		synctest.Wait()
		b.expect(0, 0)
		if n := b.Errors(); n != 11 {
			t.Errorf("%d errors, want one per try: 11", n)
		}
		// Nobody waits: once the pages are used up, records are lost.
		for range 100 {
			put(w, to, 3)
		}
		b.expect(0, 100-(maxPages-2))
		// There is room again.
		must(t, os.Remove(path))
		pass(retryAfter)
		synctest.Wait()
		put(w, to, 4)
		synctest.Wait()
		if got := content(t, path); got != "1\n2\n3\n3\n4\n" {
			t.Errorf("%q", got)
		}
		if said := b.said.String(); strings.Count(said, "cannot be written") != 1 || strings.Count(said, "can be written again") != 1 {
			t.Errorf("said: %s", said)
		}
		b.close()
	})
}

func TestFullDiskAtTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		w := NewWorker(b.Files)
		to := w.Writer(b.log("/dev/full", config.LogRoller{Keep: 1}).Log)
		for range maxPages {
			put(w, to, 1, 2)
		}
		b.close()
		b.expect(0, 2*maxPages)
	})
}

// TestPipeThatNobodyOpened: a log to a pipe waits for its reader, not the
// requests.
func TestPipeThatNobodyOpened(t *testing.T) {
	b, path := newBench(t), filepath.Join(t.TempDir(), "pipe")
	must(t, syscall.Mkfifo(path, 0o600))
	w := NewWorker(b.Files)
	to := w.Writer(b.log(path, config.LogRoller{}).Log)
	for b.Dropped() == 0 {
		put(w, to, 1)
	}
	r, err := os.Open(path) // waits for the writer's next try
	must(t, err)
	buf := make([]byte, 2*maxPages)
	_, err = io.ReadFull(r, buf)
	must(t, err)
	if want := strings.Repeat("1\n", maxPages); string(buf) != want {
		t.Errorf("%q, want %q", buf, want)
	}
	b.close()
	must(t, r.Close())
}

// TestPipeThatNobodyReads: a reader that stopped reading stalls the file, and
// nobody else.
func TestPipeThatNobodyReads(t *testing.T) {
	b, path := newBench(t), filepath.Join(t.TempDir(), "pipe")
	must(t, syscall.Mkfifo(path, 0o600))
	r, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	must(t, err)
	w := NewWorker(b.Files)
	to := w.Writer(b.log(path, config.LogRoller{}).Log)
	var appended uint64
	for b.Dropped() == 0 {
		to.Append(&stream.Info{Downstream: streamtest.Between(123456789, "", "")})
		appended++
	}
	to.Close()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := b.Close(ctx); err == nil {
		t.Error("Close says that all is written")
	}
	got := make(chan []byte)
	go func() {
		all, _ := io.ReadAll(r)
		got <- all
	}()
	b.running.Wait()
	all := <-got
	must(t, r.Close())
	whole := all[:bytes.LastIndexByte(all, '\n')+1] // The last record may have stayed incomplete.
	if rest := strings.ReplaceAll(string(whole), "123456789\n", ""); rest != "" {
		t.Errorf("torn records: %.50q", rest)
	}
	if n := uint64(bytes.Count(all, newline)); n != b.Written() || b.Written()+b.Dropped() != appended {
		t.Errorf("%d read, %d written, %d dropped of %d", n, b.Written(), b.Dropped(), appended)
	}
}

func TestReopen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, path := newBench(t), filepath.Join(t.TempDir(), "access.log")
		w := NewWorker(b.Files)
		to := w.Writer(b.log(path, config.LogRoller{}).Log)
		put(w, to, 1)
		synctest.Wait()
		must(t, os.Rename(path, path+".old"))
		put(w, to, 2) // still goes to the renamed file
		synctest.Wait()
		b.Reopen()
		synctest.Wait()
		put(w, to, 3)
		b.close()
		if old, now := content(t, path+".old"), content(t, path); old != "1\n2\n" || now != "3\n" {
			t.Errorf("%q and %q", old, now)
		}
	})
}

// TestRemovedFolder: the file is found missing without being told.
func TestRemovedFolder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, dir := newBench(t), filepath.Join(t.TempDir(), "logs")
		path := filepath.Join(dir, "access.log")
		w := NewWorker(b.Files)
		to := w.Writer(b.log(path, config.LogRoller{Compress: true}).Log)
		put(w, to, 1)
		synctest.Wait()
		must(t, os.RemoveAll(dir))
		must(t, os.WriteFile(dir, nil, 0o600)) // in the folder's place
		pass(checkEvery)
		put(w, to, 2)
		synctest.Wait()
		if b.Errors() == 0 {
			t.Error("the file should be impossible to open")
		}
		must(t, os.Remove(dir))
		pass(retryAfter)
		synctest.Wait()
		if got := content(t, path); got != "2\n" {
			t.Errorf("%q", got)
		}
		b.close()
		b.expect(2, 0)
	})
}

// TestTornRecord: when the file with a record's beginning is gone, its end is not
// written to another.
func TestTornRecord(t *testing.T) {
	b, path := newBench(t), filepath.Join(t.TempDir(), "a")
	f := b.log(path, config.LogRoller{}).file
	b.close() // so that the file is the test's
	must(t, f.open())
	f.torn = true
	data := []byte("end of a record\nnext\n")
	if n, err := f.write(data); n != len(data) || err != nil || f.lost != 1 || f.torn {
		t.Errorf("%d, %v; %d lost", n, err, f.lost)
	}
	f.close()
	if got := content(t, path); got != "next\n" {
		t.Errorf("%q", got)
	}
}

func TestLargeRecordGivesAnOrdinaryPageBack(t *testing.T) {
	b := newBench(t)
	w := NewWorker(b.Files)
	l, err := b.open(&config.AccessLog{Path: "/dev/null", Format: strings.Repeat("%request_header_user-agent%", 9)}, config.LogRoller{})
	must(t, err)
	to, in := w.Writer(l.Log), info()
	in.Request.Set("User-Agent", strings.Repeat("\x01", maxValue))
	to.Append(in)
	s := to.sheet
	if s.page != nil {
		t.Error("the page was not handed over")
	}
	b.close()
	if page := <-s.free; cap(page) != pageSize || len(page) != 0 {
		t.Errorf("a page of %d bytes, room for %d", len(page), cap(page))
	}
}

// pass lets fake time pass, in a bubble of synctest.
func pass(d time.Duration) { <-time.After(d) }

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// TestDiscard: a log that was opened and is not used after all leaves nothing behind,
// and what others have of its file as it is.
func TestDiscard(t *testing.T) {
	b, dir := newBench(t), t.TempDir()
	was := func(path string) bool { _, err := os.Lstat(path); return err == nil }
	b.log(filepath.Join(dir, "new", "er", "a"), config.LogRoller{}).Discard()
	if was(filepath.Join(dir, "new")) {
		t.Error("folders are left")
	}
	path := filepath.Join(dir, "a")
	must(t, os.WriteFile(path, nil, 0o600))
	b.log(path, config.LogRoller{}).Discard()
	if !was(path) {
		t.Error("a file that was there has gone")
	}
	used := b.log(path, config.LogRoller{Keep: 7})
	other, err := b.open(&config.AccessLog{Path: path}, config.LogRoller{Keep: 9})
	must(t, err)
	other.Discard()
	if got := used.file.roller.Load().Keep; got != 7 || b.Files.open[path] != used.file {
		t.Errorf("the file that is in use keeps %d rotated ones, want 7", got)
	}
	used.Close()
	b.close()
}
