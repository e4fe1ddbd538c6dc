package com.example.api;

import java.util.List;

/** Calls its caller back, on the connection that the caller opened. */
public interface Ticker {
    /** Returns at once; then calls {@code listener} {@code ticks} times. */
    String subscribe(String topic, int ticks, TickListener listener);

    /** What the listener answered so far. */
    List<String> acknowledged(String topic);
}
