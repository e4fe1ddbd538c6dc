package config

import "math/big"

// checkBalancer checks how a cluster's hosts are chosen. The type ORIGINAL_DST leaves no choice.
func (v *validator) checkBalancer(c *Cluster) {
	switch original := c.Type == ClusterOriginalDst; {
	case original && c.LBType != LBOriginalDst:
		if c.Node().Get("lb_type") != nil {
			v.report.Warnf(c.At("lb_type"), "the type is %s: %s is used", c.Type, LBOriginalDst)
		}
		c.LBType = LBOriginalDst
	case !original && c.LBType == LBOriginalDst:
		v.report.ErrorHint(c.At("lb_type"), "without it, requests do not say which host they are for", "%s needs the type %s", LBOriginalDst, ClusterOriginalDst)
	}
	b := &c.LBConfig
	if !big.NewInt(int64(b.TableSize)).ProbablyPrime(0) { // which is exact below 2^64
		v.report.ErrorHint(b.At("table_size"), "such as 65537", "must be a prime number, is %d", b.TableSize)
	}
	if b.MinRingSize > b.MaxRingSize {
		v.report.Errorf(b.At("minimum_ring_size"), "minimum_ring_size (%d) is greater than maximum_ring_size (%d)", b.MinRingSize, b.MaxRingSize)
	}
	v.checkEWMA(c)
	if z := c.ZoneAware; z != nil && v.config.Node.Locality.Zone == "" {
		v.report.Warnf(z.Node(), "node.locality.zone is missing: no zone is preferred")
	}
	v.checkSlowStart(c)
}

// checkEWMA checks the times of LB_PEAK_EWMA.
func (v *validator) checkEWMA(c *Cluster) {
	v.checkGreater0(c.LBConfig.At("default_duration"), c.LBConfig.DefaultDuration)
	v.checkGreater0(c.LBConfig.At("decay_time"), c.LBConfig.DecayTime)
}

// checkSlowStart checks that slow start has a time, and a balancer that knows weights.
func (v *validator) checkSlowStart(c *Cluster) {
	s := &c.SlowStart
	switch {
	case s.Mode == SlowStartNone && s.Duration > 0:
		v.report.Warnf(s.At("slow_start_duration"), "mode is not given: there is no slow start")
	case s.Mode == SlowStartNone:
	case s.Duration == 0:
		v.report.Warnf(s.Node(), "slow_start_duration is missing: there is no slow start")
		s.Mode = SlowStartNone
	default:
		switch c.LBType {
		case LBRandom, LBRoundRobin, LBRequestRoundRobin, LBOriginalDst:
			v.report.Warnf(s.Node(), "%s does not know weights: there is no slow start", c.LBType)
		default:
		}
	}
}

// checkOutliers checks when hosts are ejected, and for how long.
func (v *validator) checkOutliers(o *OutlierDetection) {
	if o == nil {
		return
	}
	v.checkGreater0(o.At("interval"), o.Interval)
	v.checkGreater0(o.At("base_ejection_time"), o.BaseEjectionTime)
	if o.BaseEjectionTime > o.MaxEjectionTime {
		if o.Node().Get("max_ejection_time") != nil {
			v.report.Errorf(o.At("max_ejection_time"), "max_ejection_time (%s) is less than base_ejection_time (%s)", o.MaxEjectionTime, o.BaseEjectionTime)
		}
		o.MaxEjectionTime = o.BaseEjectionTime
	}
	if n := o.Node().Get("consecutive_local_origin_failure"); n != nil && !o.SplitLocalOrigin {
		v.report.Warnf(n, "split_external_local_origin_errors is false: it is not used")
	}
	if o.SuccessRateStdevFactor == 0 && o.EnforcingSuccessRate > 0 {
		v.report.ErrorHint(o.At("success_rate_stdev_factor"), "write enforcing_success_rate: 0 for never", "must be greater than 0: half of the hosts are below the mean")
	}
}
