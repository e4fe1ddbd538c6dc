package com.example.sofarpc;

import com.example.sofarpc.proto.GreetingReply;
import com.example.sofarpc.proto.GreetingRequest;

final class GreetingServiceImpl implements GreetingService {
    @Override
    public GreetingReply greet(GreetingRequest request) {
        return GreetingReply.newBuilder().setText("hello " + request.getName()).setRequest(request).build();
    }

    @Override
    public GreetingReply refuse(GreetingRequest request) {
        throw new IllegalArgumentException(request.getName());
    }
}
