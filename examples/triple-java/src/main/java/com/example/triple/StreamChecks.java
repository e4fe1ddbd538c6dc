package com.example.triple;

import static com.example.triple.Report.describe;
import static com.example.triple.Report.expect;

import java.util.ArrayList;
import java.util.List;
import org.apache.dubbo.common.stream.StreamObserver;

/** Streams of hessian2 values. */
final class StreamChecks {
    private static final int TIMES = 500;
    private static final int ROUNDS = 100;
    private static final int OPEN = 20;

    private final Report report;
    private final Remote remote;

    StreamChecks(Report report, Remote remote) {
        this.report = report;
        this.remote = remote;
    }

    void run() {
        report.check("server-stream", this::serverStream);
        report.check("server-stream-large", this::serverStreamLarge);
        report.check("server-stream-failure", this::serverStreamFailure);
        report.check("bi-stream", this::biStream);
        report.check("bi-streams-open", this::openStreams);
    }

    private void serverStream() throws InterruptedException {
        Answers<String> answers = new Answers<>();
        remote.refer(Streams.class).repeat(new Repeat("answer ", TIMES), answers);
        for (int n = 1; n <= TIMES; n++) {
            expect("answer " + n, answers.next(), "answer");
        }
        answers.expectEnd();

        Answers<String> none = new Answers<>();
        remote.refer(Streams.class).repeat(new Repeat("answer ", 0), none);
        none.expectEnd();
    }

    /** Answers of 200 KiB, which are several frames and several windows each. */
    private void serverStreamLarge() throws InterruptedException {
        String text = "0123456789".repeat(20_000);
        Answers<String> answers = new Answers<>();
        remote.refer(Streams.class).repeat(new Repeat(text, 10), answers);
        for (int n = 1; n <= 10; n++) {
            expect(text + n, answers.next(), "answer");
        }
        answers.expectEnd();
    }

    /** A stream that fails after an answer: the answer arrives, then the failure does. */
    private void serverStreamFailure() throws InterruptedException {
        Answers<String> answers = new Answers<>();
        remote.refer(Streams.class).breakOff("first", answers);
        expect("first", answers.next(), "answer");
        Throwable thrown = answers.expectFailure();
        expect(String.valueOf(thrown.getMessage()).contains("broken off"), "failed with " + describe(thrown));
    }

    /** Each text is sent only after the one before has come back, so whoever holds one back stops the stream. */
    private void biStream() throws InterruptedException {
        Answers<String> answers = new Answers<>();
        StreamObserver<String> texts = remote.refer(Streams.class).chat(answers);
        for (int round = 0; round < ROUNDS; round++) {
            exchange(texts, answers, round + " " + "x".repeat(round * 37 % 3000));
        }
        texts.onCompleted();
        expect(ROUNDS + " texts", answers.next(), "last answer");
        answers.expectEnd();
    }

    /** Streams that are open at the same time, used in turn. */
    private void openStreams() throws InterruptedException {
        Streams streams = remote.refer(Streams.class);
        List<Answers<String>> answers = new ArrayList<>();
        List<StreamObserver<String>> texts = new ArrayList<>();
        for (int n = 0; n < OPEN; n++) {
            answers.add(new Answers<>());
            texts.add(streams.chat(answers.get(n)));
        }
        for (int round = 0; round < 3; round++) {
            for (int n = 0; n < OPEN; n++) {
                exchange(texts.get(n), answers.get(n), "stream " + n + " round " + round);
            }
        }
        for (int n = 0; n < OPEN; n++) {
            texts.get(n).onCompleted();
            expect("3 texts", answers.get(n).next(), "last answer of stream " + n);
            answers.get(n).expectEnd();
        }
    }

    private static void exchange(StreamObserver<String> texts, Answers<String> answers, String text) throws InterruptedException {
        texts.onNext(text);
        expect(text, answers.next(), "answer");
    }
}
