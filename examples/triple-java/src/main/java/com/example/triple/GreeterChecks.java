package com.example.triple;

import static com.example.triple.FaultChecks.thrownBy;
import static com.example.triple.Report.describe;
import static com.example.triple.Report.expect;

import com.google.protobuf.ByteString;
import java.util.StringJoiner;
import org.apache.dubbo.common.stream.StreamObserver;

/** Calls with protobuf messages: every form that gRPC has. */
final class GreeterChecks {
    private static final int REQUESTS = 100;

    private final Report report;
    private final Remote remote;

    GreeterChecks(Report report, Remote remote) {
        this.report = report;
        this.remote = remote;
    }

    void run() {
        report.check("protobuf-unary", this::unary);
        report.check("protobuf-status", this::status);
        report.check("protobuf-server-stream", this::serverStream);
        report.check("protobuf-client-stream", this::clientStream);
        report.check("protobuf-bi-stream", this::biStream);
    }

    private void unary() {
        Greeter greeter = remote.refer(Greeter.class);
        for (int size : new int[] {0, 16384, 65536, 1 << 20}) {
            GreetRequest request = request("Ada \ud83d\ude80", size);
            expect(reply(request, 1), greeter.greet(request), "greeting with " + size + " bytes");
        }
    }

    /** A status of gRPC's, other than OK. */
    private void status() {
        Greeter greeter = remote.refer(Greeter.class);
        Throwable thrown = thrownBy(() -> greeter.greet(request(GreeterService.NOBODY, 0)));
        expect(String.valueOf(thrown.getMessage()).contains("no nobody here"), "failed with " + describe(thrown));
    }

    private void serverStream() throws InterruptedException {
        GreetRequest request = request("Ada", 1000).toBuilder().setTimes(REQUESTS).build();
        Answers<GreetReply> replies = new Answers<>();
        remote.refer(Greeter.class).greetOften(request, replies);
        for (int number = 1; number <= REQUESTS; number++) {
            expect(reply(request, number), replies.next(), "greeting");
        }
        replies.expectEnd();
    }

    private void clientStream() throws InterruptedException {
        Answers<GreetReply> replies = new Answers<>();
        StreamObserver<GreetRequest> requests = remote.refer(Greeter.class).greetAll(replies);
        StringJoiner names = new StringJoiner(", ");
        for (int number = 1; number <= REQUESTS; number++) {
            names.add("guest " + number);
            requests.onNext(request("guest " + number, 1000));
        }
        requests.onCompleted();
        GreetReply want = GreetReply.newBuilder().setGreeting("Hello " + names).setNumber(REQUESTS).build();
        expect(want, replies.next(), "greeting of all");
        replies.expectEnd();
    }

    private void biStream() throws InterruptedException {
        Answers<GreetReply> replies = new Answers<>();
        StreamObserver<GreetRequest> requests = remote.refer(Greeter.class).greetEach(replies);
        for (int number = 1; number <= REQUESTS; number++) {
            GreetRequest request = request("guest " + number, number * 37);
            requests.onNext(request);
            expect(reply(request, number), replies.next(), "greeting");
        }
        requests.onCompleted();
        replies.expectEnd();
    }

    private static GreetRequest request(String name, int payloadSize) {
        byte[] payload = new byte[payloadSize];
        for (int i = 0; i < payload.length; i++) {
            payload[i] = (byte) (i % 251);
        }
        return GreetRequest.newBuilder().setName(name).setPayload(ByteString.copyFrom(payload)).build();
    }

    private static GreetReply reply(GreetRequest request, int number) {
        String greeting = "Hello " + request.getName();
        return GreetReply.newBuilder().setGreeting(greeting).setNumber(number).setPayload(request.getPayload()).build();
    }
}
