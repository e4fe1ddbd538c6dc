package com.example.sofarpc;

import com.example.sofarpc.proto.GreetingReply;
import com.example.sofarpc.proto.GreetingRequest;

/** A service whose arguments and results are protobuf messages. */
public interface GreetingService {
    GreetingReply greet(GreetingRequest request);

    /** Fails with the request's name as the message. */
    GreetingReply refuse(GreetingRequest request);
}
