package table

import "io"

// Figures writes rows that nothing is compared with: each with the median of its samples and its goal, which must be absolute.
func Figures(w io.Writer, subject string, rows []Row) error {
	cells := [][]string{{"figure", subject, "must", "aim", "verdict"}}
	for _, r := range rows {
		cells = append(cells, []string{r.Figure, r.value(Median(r.Subject)), r.bound(r.Goal.Must), r.bound(r.Goal.Aim), r.Verdict()})
	}
	return Markdown(w, cells)
}
