package com.example.api;

import java.util.concurrent.CompletableFuture;

/** Gives back what it gets, in the shapes that Dubbo's serializations treat differently. */
public interface Echo {
    String text(String text);

    long number(long number);

    Profile profile(Profile profile);

    /** Returns the value of a request attachment, and sends it back as the response attachment {@code echo-KEY}. */
    String attachment(String key);

    /** Answers after a delay, without holding a server thread. */
    CompletableFuture<String> later(String text, int delayMillis);

    /** The version of Dubbo that the server runs. */
    String dubboVersion();
}
