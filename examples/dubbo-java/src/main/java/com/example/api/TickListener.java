package com.example.api;

/** Implemented by the client, called by the server. */
public interface TickListener {
    String onTick(String topic, int tick);
}
