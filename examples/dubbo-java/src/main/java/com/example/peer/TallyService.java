package com.example.peer;

import com.example.api.Tally;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/** The server's {@link Tally}. */
final class TallyService implements Tally {
    private final Map<String, Integer> counts = new ConcurrentHashMap<>();

    @Override
    public void record(String key) {
        counts.merge(key, 1, Integer::sum);
    }

    @Override
    public int count(String key) {
        return counts.getOrDefault(key, 0);
    }
}
