package com.example.triple;

import org.apache.dubbo.common.stream.StreamObserver;

/** The server's {@link Streams}. */
final class StreamsService implements Streams {
    @Override
    public void repeat(Repeat repeat, StreamObserver<String> answers) {
        for (int n = 1; n <= repeat.getTimes(); n++) {
            answers.onNext(repeat.getText() + n);
        }
        answers.onCompleted();
    }

    @Override
    public void breakOff(String text, StreamObserver<String> answers) {
        answers.onNext(text);
        answers.onError(new IllegalStateException("broken off"));
    }

    @Override
    public StreamObserver<String> chat(StreamObserver<String> answers) {
        return new StreamObserver<>() {
            private int texts;

            @Override
            public void onNext(String text) {
                texts++;
                answers.onNext(text);
            }

            @Override
            public void onError(Throwable thrown) {}

            @Override
            public void onCompleted() {
                answers.onNext(texts + " texts");
                answers.onCompleted();
            }
        };
    }
}
