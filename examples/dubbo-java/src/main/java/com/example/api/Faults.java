package com.example.api;

/** Everything that can go wrong on the server's side of a call. */
public interface Faults {
    /** Always throws the declared exception: a business answer, not a failure of the call. */
    void spend(String account, int limit) throws QuotaExceededException;

    /** Always throws an exception that the interface does not declare. */
    void reject(String reason);

    /** Answers late. */
    String sleep(int millis);
}
