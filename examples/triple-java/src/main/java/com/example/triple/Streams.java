package com.example.triple;

import org.apache.dubbo.common.stream.StreamObserver;

/** Calls with many arguments or results, in hessian2. */
public interface Streams {
    /** Sends a text several times, with the numbers from 1 on behind it. */
    void repeat(Repeat repeat, StreamObserver<String> answers);

    /** Sends one text, and then fails. */
    void breakOff(String text, StreamObserver<String> answers);

    /** Sends each text back as it comes; at the end, sends their number. */
    StreamObserver<String> chat(StreamObserver<String> answers);
}
