package com.example.versions;

/** What all versions serve. */
public interface Echo {
    /** Returns what it is given. */
    String echo(String text);

    /** Returns that many bytes. */
    byte[] bytes(int n);

    /** Returns after some milliseconds. */
    int later(int millis) throws Exception;
}
