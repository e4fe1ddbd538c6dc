package com.example.triple;

import static com.example.triple.Report.describe;
import static com.example.triple.Report.expect;

import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.apache.dubbo.common.stream.StreamObserver;

/** What comes back on a stream, to be taken one by one. */
final class Answers<T> implements StreamObserver<T> {
    private static final int PATIENCE_SECONDS = 8;

    /** One answer, or the end of the stream, which has a reason unless all is well. */
    private record Event<T>(T answer, boolean end, Throwable thrown) {}

    private final BlockingQueue<Event<T>> events = new LinkedBlockingQueue<>();

    @Override
    public void onNext(T answer) {
        events.add(new Event<>(answer, false, null));
    }

    @Override
    public void onError(Throwable thrown) {
        events.add(new Event<>(null, true, thrown));
    }

    @Override
    public void onCompleted() {
        events.add(new Event<>(null, true, null));
    }

    /** Awaits the next answer. */
    T next() throws InterruptedException {
        Event<T> event = take();
        expect(!event.end, "the stream ended" + (event.thrown == null ? "" : ": " + describe(event.thrown)));
        return event.answer;
    }

    /** Awaits the end of the stream, which must be a good one. */
    void expectEnd() throws InterruptedException {
        Throwable thrown = end();
        expect(thrown == null, "the stream failed: " + (thrown == null ? "" : describe(thrown)));
    }

    /** Awaits the end of the stream, and returns why it failed. */
    Throwable expectFailure() throws InterruptedException {
        Throwable thrown = end();
        expect(thrown != null, "the stream ended as if all was well");
        return thrown;
    }

    private Throwable end() throws InterruptedException {
        Event<T> event = take();
        expect(event.end, "an answer instead of the end: " + event.answer);
        return event.thrown;
    }

    private Event<T> take() throws InterruptedException {
        Event<T> event = events.poll(PATIENCE_SECONDS, TimeUnit.SECONDS);
        expect(event != null, "nothing within " + PATIENCE_SECONDS + " s");
        return event;
    }
}
