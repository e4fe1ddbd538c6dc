package accesslog

import "github.com/weirproxy/weir/pkg/stream"

const (
	// pageSize is how much a page holds without growing. It is handed over once
	// there is no room for another record of ordinary size.
	pageSize = 64 << 10
	pageFull = pageSize - 4<<10
	// maxPages bounds the pages of one worker and file: one being filled, the
	// others queued, being written, or on their way back.
	maxPages = 4
)

// Worker collects the records of one worker. Its methods, and those of its
// Writers, run on that worker only.
type Worker struct {
	files   *Files
	sheets  map[*file]*sheet
	scratch []byte
}

// NewWorker returns an empty Worker, whose logs are open in files.
func NewWorker(files *Files) *Worker { return &Worker{files: files, sheets: make(map[*file]*sheet)} }

// Writer returns the worker's way into a log that is open. It may be closed after
// the log.
func (w *Worker) Writer(l *Log) *Writer {
	f := w.files.find(l)
	s := w.sheets[f]
	if s == nil {
		s = &sheet{worker: w, file: f, free: make(chan []byte, maxPages)}
		w.sheets[f] = s
		w.files.use(f)
	}
	s.writers++
	return &Writer{sheet: s, format: l.format}
}

// Flush hands over all records that wait for their page to become full. Its
// owner calls it from time to time, and before the logs are closed.
func (w *Worker) Flush() {
	for _, s := range w.sheets {
		s.flush()
	}
}

// Writer writes the records of one worker to one log.
type Writer struct {
	sheet  *sheet
	format *Format
}

// Append writes a record about a request. It neither waits nor allocates; if the
// file does not keep up, the record is dropped and counted.
func (w *Writer) Append(in *stream.Info) {
	s := w.sheet
	if s.page == nil && !s.take() {
		s.file.counts.dropped.Add(1)
		return
	}
	s.page = w.format.append(s.page, &s.worker.scratch, in)
	s.records++
	if len(s.page) >= pageFull {
		s.flush()
	}
}

// Close hands over what was appended. The Writer is of no more use.
func (w *Writer) Close() {
	s := w.sheet
	if s.writers--; s.writers == 0 {
		s.flush()
		delete(s.worker.sheets, s.file)
		s.worker.files.leave(s.file)
	}
}

// sheet is what the Writers of one worker to one file share.
type sheet struct {
	worker  *Worker
	file    *file
	writers int

	page    []byte // being filled; nil if there is none
	records int    // in page
	pages   int    // there are in all
	free    chan []byte
}

// take gets an empty page, and tells whether there was one.
func (s *sheet) take() bool {
	select {
	case s.page = <-s.free:
		return true
	default:
	}
	if s.pages == maxPages {
		return false
	}
	s.pages++
	s.page = make([]byte, 0, pageSize)
	return true
}

func (s *sheet) flush() {
	if s.records == 0 {
		return
	}
	select {
	case s.file.full <- batch{page: s.page, records: s.records, back: s.free}:
		s.page = nil
	default:
		s.file.counts.dropped.Add(uint64(s.records))
		s.page = s.page[:0]
	}
	s.records = 0
}

// batch is a page on its way to the file.
type batch struct {
	page    []byte
	records int
	back    chan<- []byte
}

// release gives the page back. There is always room for it, as back holds as
// many as there are. One that had to grow is replaced by an ordinary one.
func (b *batch) release() {
	page := b.page[:0]
	if cap(page) > pageSize {
		page = make([]byte, 0, pageSize)
	}
	b.back <- page
}
