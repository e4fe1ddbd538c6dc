package com.example.shop;

/** The service that is called, whichever library calls it. */
public interface Remote {
    /** What the checks are called after. */
    String name();

    /** Asks, which may be done twice without harm. */
    Answer ask(String article) throws Exception;

    /** Changes something, which must be done once. */
    Answer change(String article, int value) throws Exception;

    /** Calls a service that nobody has. */
    void missing() throws Exception;

    /** Tells whether a call ended because nobody answered in time. */
    boolean timedOut(Exception e);
}
