package com.example.api;

/** Counts one-way calls, so that a caller that gets no answer can still see how often it was heard. */
public interface Tally {
    void record(String key);

    int count(String key);
}
