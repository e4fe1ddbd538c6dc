package com.example.peer;

import com.example.api.Faults;
import com.example.api.QuotaExceededException;

/** The server's {@link Faults}. */
final class FaultsService implements Faults {
    @Override
    public void spend(String account, int limit) throws QuotaExceededException {
        throw new QuotaExceededException(account, limit);
    }

    @Override
    public void reject(String reason) {
        throw new IllegalArgumentException(reason);
    }

    @Override
    public String sleep(int millis) {
        try {
            Thread.sleep(millis);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return "interrupted";
        }
        return "slept";
    }
}
