package com.example.peer;

import com.example.api.TickListener;
import com.example.api.Ticker;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

/** The server's {@link Ticker}. */
final class TickerService implements Ticker {
    private final Map<String, List<String>> acknowledged = new ConcurrentHashMap<>();

    // Not the thread of the call: it has to return before the client may expect ticks.
    private final ExecutorService caller = Executors.newSingleThreadExecutor(task -> {
        Thread thread = new Thread(task, "ticker");
        thread.setDaemon(true);
        return thread;
    });

    @Override
    public String subscribe(String topic, int ticks, TickListener listener) {
        List<String> answers = acknowledged.computeIfAbsent(topic, key -> new CopyOnWriteArrayList<>());
        caller.execute(() -> {
            for (int tick = 1; tick <= ticks; tick++) {
                answers.add(answer(topic, tick, listener));
            }
        });
        return "subscribed to " + topic;
    }

    private static String answer(String topic, int tick, TickListener listener) {
        try {
            return listener.onTick(topic, tick);
        } catch (RuntimeException e) {
            return e.toString();
        }
    }

    @Override
    public List<String> acknowledged(String topic) {
        return new ArrayList<>(acknowledged.getOrDefault(topic, List.of()));
    }
}
