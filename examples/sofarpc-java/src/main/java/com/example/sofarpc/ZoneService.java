package com.example.sofarpc;

/** A service that one server exports several times, under different versions and unique ids. */
public interface ZoneService {
    /** The name of the export that was called. */
    String zone();
}
