package com.example.sofarpc;

import java.util.Map;

/** The hessian2 service that most checks call. */
public interface EchoService {
    String echo(String value);

    Order echoOrder(Order order);

    /** Throws what the method declares. */
    Order reject(Order order, int code) throws OrderException;

    /** Throws an unchecked exception that the method does not declare. */
    String fail(String message);

    /** Answers with the value after so many milliseconds. */
    String sleep(String value, int millis);

    /** Counts one arrival under a key; called one-way. */
    void record(String key);

    int recorded(String key);

    /** What the server saw beside the arguments: baggage and the request's properties. Answers with baggage of its own. */
    Map<String, String> context();
}
