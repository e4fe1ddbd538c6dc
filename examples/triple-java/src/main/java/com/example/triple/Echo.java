package com.example.triple;

import java.util.concurrent.CompletableFuture;

/** Calls with one argument and one result, in hessian2. */
public interface Echo {
    String text(String text);

    Order order(Order order);

    /** Returns the value of a request attachment, and sends it back as the response attachment {@code echo-KEY}. */
    String attachment(String key);

    /** Answers after a delay, without holding a server thread. */
    CompletableFuture<String> later(String text, int delayMillis);

    /** Answers late. */
    String sleep(int millis);

    /** Always throws the declared exception: a business answer, not a failure of the call. */
    void spend(String account, int limit) throws QuotaExceededException;

    /** Always throws an exception that the interface does not declare. */
    void reject(String reason);
}
