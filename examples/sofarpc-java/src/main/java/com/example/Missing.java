package com.example;

/** A service that no server exports and no route or host is meant for. */
public interface Missing {
    String call(String value);

    void send(String value);
}
